"""Clients of TensorFlow Serving's two interfaces; `rpc` loads TensorFlow, `rest` does not."""
