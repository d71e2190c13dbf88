"""The SDK: what lives in the training process."""
