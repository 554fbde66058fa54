"""Load on a model server: `locust -f locustfile.py --headless -u 8 -r 8 -t 30s --host http://127.0.0.1:8501`."""

import json
from typing import Any

from locust import FastHttpUser, constant, events, task


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:
    parser.add_argument("--path", default="/v1/models/scale:predict", help="What is asked")
    parser.add_argument("--body", default='{"instances": [1.0, 2.0]}', help="With what, JSON")


class Client(FastHttpUser):
    """Asks again as soon as it has its answer."""

    wait_time = constant(0)

    @task
    def predict(self) -> None:
        """One request; another status than 200, or an answer without predictions, is a failure."""
        options = self.environment.parsed_options
        with self.client.post(
            options.path,
            data=options.body,
            headers={"content-type": "application/json"},
            catch_response=True,
        ) as response:
            if response.status_code != 200 or "predictions" not in json.loads(response.text or "{}"):
                response.failure(f"{response.status_code}: {response.text}")
