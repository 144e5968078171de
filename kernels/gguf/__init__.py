"""GGUF files, as llama.cpp has them: what they say of their model, and where its tensors lie. No torch."""
