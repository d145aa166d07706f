"""Stillwatch: finds, proves and reports suspected distillation attacks on AI models."""

__version__ = "0.1.0"
