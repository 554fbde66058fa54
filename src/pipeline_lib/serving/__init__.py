"""TensorFlow Serving: base paths, clients, pushes, proxies, and a local server that speaks as it does.

Import the modules by name (`serving.clients.rpc`, `serving.server.process`): they load TensorFlow or gRPC.
"""
