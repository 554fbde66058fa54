"""The local model server: one manager of versions behind TensorFlow Serving's REST and gRPC interfaces."""
