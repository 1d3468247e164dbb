"""Questions and answers from Stack Overflow: CoNaLa, StaQC, CodePro and whole dumps."""
