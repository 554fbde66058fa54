"""TensorFlow Serving: a client for its gRPC and REST interfaces, and a local server that speaks both.

Import the modules by name (`serving.client`, `serving.server.process`): they load TensorFlow or gRPC.
"""
