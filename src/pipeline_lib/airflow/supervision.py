"""A task ends with its supervisor, whatever ended that."""

import os

from pipeline_lib.runtime.processes import die_with_parent


def die_with_supervisor() -> None:
    """Have the kernel kill this task when the process that supervises it ends.

    Airflow leaves a task running whose supervisor was killed, and starts its retry beside it. Its child on
    the executor host ends when the connection to this process does. A task that runs in the process of
    whoever called it (`dag.test`) has no supervisor.
    """
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import CommsDecoder

    if isinstance(getattr(task_runner, "SUPERVISOR_COMMS", None), CommsDecoder):
        die_with_parent(os.getppid())
