"""Fake list APIs of the Hugging Face Hub and CivitAI, served on 127.0.0.1."""
