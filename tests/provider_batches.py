"""The part of `tests/provider.py` that plays OpenAI's Batch API: files, batches, partial failure, expiry.

`fails` is the share of requests that end in the error file, `expires` the number of batches (the first ones) that
expire half-way, `slow_polls` how often a batch is polled before it ends. Source: OpenAI's API reference, "Batch" and
"Files".
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

PRICE_SHARE = 0.5
MOST_REQUESTS, MOST_BYTES = 50_000, 200_000_000


class Batches:
    """Files and batches of one server."""

    def __init__(
        self,
        completion: Callable[[dict[str, Any]], dict[str, Any]],
        bill: Callable[[dict[str, Any], float], None],
        *,
        fails: float = 0.0,
        expires: int = 0,
        rejects: int = 0,
        slow_polls: int = 1,
        most_requests: int = MOST_REQUESTS,
    ) -> None:
        self._completion, self._bill = completion, bill
        self._fails, self._expires, self._rejects, self._slow_polls = fails, expires, rejects, slow_polls
        self._most_requests = most_requests
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._polls: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def state(self) -> dict[str, Any]:
        return {
            "batches": list(self._batches.values()),
            "files": {name: len(content) for name, content in self._files.items()},
            "asked": self.asked,
            "answered": self.answered,
        }

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """The status and body of a reply."""
        parts = path.partition("?")[0].removeprefix("/v1/").split("/")
        if (method, parts) == ("POST", ["files"]):
            return 200, json.dumps(self._upload(headers, body)).encode()
        if method == "GET" and parts[0] == "files" and parts[-1] == "content":
            return 200, self._files[parts[1]]
        if (method, parts) == ("POST", ["batches"]):
            return self._create(json.loads(body))
        if (method, parts) == ("GET", ["batches"]):
            return 200, json.dumps({"object": "list", "data": list(self._batches.values()), "has_more": False}).encode()
        if method == "GET" and parts[0] == "batches" and parts[1] in self._batches:
            return 200, json.dumps(self._poll(parts[1])).encode()
        return 404, json.dumps({"error": {"message": f"no such path {path}"}}).encode()

    def _upload(self, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        message = message_from_bytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + body)
        parts = {str(part.get_param("name", header="content-disposition")): part for part in message.get_payload()}
        assert parts["purpose"].get_payload() == "batch"
        content = parts["file"].get_payload(decode=True)
        assert isinstance(content, bytes)
        return self._file(content)

    def _file(self, content: bytes) -> dict[str, Any]:
        name = f"file-{len(self._files)}"
        self._files[name] = content
        return {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": 0,
            "filename": "x",
            "purpose": "batch",
            "status": "processed",
        }

    def _create(self, body: dict[str, Any]) -> tuple[int, bytes]:
        rows = [json.loads(line) for line in self._files[body["input_file_id"]].splitlines()]
        too_much = len(rows) > self._most_requests or len(self._files[body["input_file_id"]]) > MOST_BYTES
        mixed = len({row["body"]["model"] for row in rows}) > 1
        repeated = len({row["custom_id"] for row in rows}) < len(rows)
        if too_much or mixed or repeated or len(self._batches) < self._rejects:
            self._rejects -= 1
            return 400, b'{"error": {"message": "the input file is not accepted"}}'
        name = f"batch-{len(self._batches)}"
        self._batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": body["endpoint"],
            "input_file_id": body["input_file_id"],
            "completion_window": body["completion_window"],
            "status": "validating",
            "created_at": 0,
            "metadata": body.get("metadata"),
            "request_counts": {"total": len(rows), "completed": 0, "failed": 0},
        }
        for row in rows:
            self.asked[row["custom_id"]] += 1
        return 200, json.dumps(self._batches[name]).encode()

    def _poll(self, name: str) -> dict[str, Any]:
        batch = self._batches[name]
        self._polls[name] += 1
        if batch["status"] == "validating":
            batch["status"] = "in_progress"
        elif batch["status"] == "in_progress" and self._polls[name] > self._slow_polls:
            self._finish(batch)
        return batch

    def _finish(self, batch: dict[str, Any]) -> None:
        rows = [json.loads(line) for line in self._files[batch["input_file_id"]].splitlines()]
        expired = int(batch["id"].partition("-")[2]) < self._expires
        done, errors = [], []
        for place, row in enumerate(rows):
            reply = {"id": f"r-{place}", "custom_id": row["custom_id"], "response": None, "error": None}
            if expired and place >= len(rows) // 2:
                errors.append(reply | {"error": {"code": "batch_expired", "message": "not done within 24 hours"}})
            elif self._is_failure(f"{batch['id']} {row['custom_id']}"):
                errors.append(reply | {"response": {"status_code": 500, "body": {"error": {"message": "by chance"}}}})
            else:
                value = self._completion(row["body"])
                self._bill(value, PRICE_SHARE)
                self.answered[row["custom_id"]] += 1
                done.append(reply | {"response": {"status_code": 200, "body": value}})
        for field, found in (("output_file_id", done), ("error_file_id", errors)):
            if found:
                content = b"".join(json.dumps(line).encode() + b"\n" for line in reversed(found))  # in no order
                batch[field] = self._file(content)["id"]
        batch["status"] = "expired" if expired else "completed"
        batch["request_counts"] = {"total": len(rows), "completed": len(done), "failed": len(errors)}

    def _is_failure(self, name: str) -> bool:
        return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / (1 << 32) < self._fails
