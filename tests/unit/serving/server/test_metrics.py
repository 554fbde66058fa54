"""The page of metrics, as Prometheus reads it."""

from pipeline_lib.serving.server.metrics import Metrics


def test_counts_and_latencies() -> None:
    metrics = Metrics()
    for seconds, status in ((0.001, "OK"), (0.1, "INTERNAL")):
        metrics.answered("m", status=status, api="predict", entrypoint="REST", seconds=seconds, version=3)
    metrics.answered("", status="NOT_FOUND", api="predict", entrypoint="REST", seconds=0.001)
    metrics.examples("m", 4)
    metrics.loaded('/a"b', status="success")
    metrics.queued(0.01)
    lines = metrics.text().splitlines()
    assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 1' in lines
    assert ':tensorflow:serving:request_count{model_name="",status="NOT_FOUND"} 1' in lines
    assert ':pipeline:serving:version_request_count{model_name="m",version="3",status="INTERNAL"} 1' in lines
    assert ':tensorflow:serving:request_example_count_total{model="m"} 4' in lines
    assert r':tensorflow:cc:saved_model:load_attempt_count{model_path="/a\"b",status="success"} 1' in lines
    latency = ":tensorflow:serving:request_latency"
    labels = 'model_name="m",API="predict",entrypoint="REST"'
    assert f"# TYPE {latency} histogram" in lines
    assert f'{latency}_bucket{{{labels},le="10"}} 0' in lines
    assert f'{latency}_bucket{{{labels},le="+Inf"}} 2' in lines
    assert f"{latency}_count{{{labels}}} 2" in lines
    assert f"{latency}_sum{{{labels}}} 101000" in lines
    queued = ":tensorflow:serving:batching_session:queuing_latency_count"
    assert f'{queued}{{thread_pool_name="batch_threads"}} 1' in lines
