"""Configuration files in the layouts that CoMA and CodeCapybara published, written for the tests."""

COMA = {
    "output_dir": "out", "model_name_or_path": "QWen-7b-hf", "train_file": "rows.jsonl", "num_train_epochs": 1,
    "per_device_train_batch_size": 6, "gradient_accumulation_steps": 2, "learning_rate": 1e-5, "max_seq_length": 512,
    "logging_steps": 50, "save_steps": 500, "save_total_limit": 1, "lr_scheduler_type": "constant_with_warmup",
    "warmup_steps": 500, "lora_rank": 64, "lora_alpha": 16, "lora_dropout": 0.05, "gradient_checkpointing": True,
    "optim": "paged_adamw_32bit", "seed": 42, "fp16": True, "report_to": "tensorboard", "weight_decay": 0,
    "max_grad_norm": 0.3, "remove_unused_columns": False,
}  # fmt: skip
CAPYBARA = """
checkpoint:
  dir: checkpoints
  epochs: 1
clip_gradient: null
datasets:
  - code-contest:
  - codecapybara: generated_data.jsonl
early_stopping:
  patience: 20
epochs: 5
model:
  hf_model: huggyllama/llama-7b
  lora: {r: 8, alpha: 16, dropout: 0.5, target_modules: [q_proj, v_proj]}
optimizer:
  name: AdamW
  params:
    lr: 2.0e-5
scheduler:
  num_warmup_steps: 1000
  num_training_epochs: 5
wandb:
  project: tuning
max_seq_length: 1000
"""
