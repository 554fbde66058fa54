"""The page of metrics, as Prometheus reads it."""

from pipeline_lib.serving.server.metrics import Metrics


def test_counts_and_latencies() -> None:
    metrics = Metrics()
    for seconds, status in ((0.001, "OK"), (0.1, "INTERNAL")):
        metrics.answered("m", status=status, api="predict", entrypoint="REST", seconds=seconds, version=3)
    metrics.answered("", status="NOT_FOUND", api="predict", entrypoint="REST", seconds=0.001)
    metrics.examples("m", 4)
    metrics.loaded('/a"b', status="success", seconds=0.25)
    metrics.loaded("/c", status="fail", seconds=0.5)
    metrics.warmed_up("/c", status="OK", seconds=0.5)
    metrics.queued(0.01)
    lines = metrics.text().splitlines()
    assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 1' in lines
    assert ':tensorflow:serving:request_count{model_name="",status="NOT_FOUND"} 1' in lines
    assert ':pipeline:serving:version_request_count{model_name="m",version="3",status="INTERNAL"} 1' in lines
    assert ':tensorflow:serving:request_example_count_total{model="m"} 4' in lines
    assert r':tensorflow:cc:saved_model:load_attempt_count{model_path="/a\"b",status="success"} 1' in lines
    assert r':tensorflow:cc:saved_model:load_latency{model_path="/a\"b"} 250000' in lines
    assert ':tensorflow:cc:saved_model:load_attempt_count{model_path="/c",status="fail"} 1' in lines
    assert ':tensorflow:serving:model_warmup_latency_sum{model_path="/c",status="OK"} 500000' in lines
    assert ':tensorflow:serving:request_example_counts_bucket{model="m",le="2"} 0' in lines
    assert ':tensorflow:serving:request_example_counts_bucket{model="m",le="4"} 1' in lines
    latency = ":tensorflow:serving:request_latency"
    labels = 'model_name="m",API="predict",entrypoint="REST"'
    assert f"# TYPE {latency} histogram" in lines
    assert f'{latency}_bucket{{{labels},le="10"}} 0' in lines
    assert f'{latency}_bucket{{{labels},le="+Inf"}} 2' in lines
    assert f"{latency}_count{{{labels}}} 2" in lines
    assert f"{latency}_sum{{{labels}}} 101000" in lines
    queued = ":tensorflow:serving:batching_session:queuing_latency_count"
    assert f'{queued}{{thread_pool_name="batch_threads"}} 1' in lines


def test_names_are_tensorflow_serving_s() -> None:
    """Of util.cc, saved_model_warmup_util.cc and batching_session.cc there, and TensorFlow's loader.cc."""
    named = {line.split()[2]: line.split()[3] for line in Metrics().text().splitlines() if "# TYPE" in line}
    ours = {name for name in named if name.startswith(":pipeline:")}
    assert {name: kind for name, kind in named.items() if name not in ours} == {
        ":tensorflow:serving:request_count": "counter",
        ":tensorflow:serving:request_latency": "histogram",
        ":tensorflow:serving:runtime_latency": "histogram",
        ":tensorflow:serving:request_example_counts": "histogram",
        ":tensorflow:serving:request_example_count_total": "counter",
        ":tensorflow:serving:model_warmup_latency": "histogram",
        ":tensorflow:serving:batching_session:queuing_latency": "histogram",
        ":tensorflow:cc:saved_model:load_attempt_count": "counter",
        ":tensorflow:cc:saved_model:load_latency": "counter",
    }
