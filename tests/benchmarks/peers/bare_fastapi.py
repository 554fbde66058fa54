"""A SavedModel behind FastAPI, as tutorials have it: `bare_fastapi.py DIRECTORY`; prints its address."""

import socket
import sys

import tensorflow as tf
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

model = tf.saved_model.load(sys.argv[1])
scale = model.signatures["serving_default"]
app = FastAPI()


class Body(BaseModel):
    """A request."""

    instances: list[float]


@app.post("/predict")
def predict(body: Body) -> dict[str, list[float]]:
    """Scale."""
    outputs = scale(x=tf.constant(body.instances, tf.float32))
    return {"predictions": outputs["y"].numpy().tolist()}


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
