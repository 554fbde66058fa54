"""What every task of ours imports, to be imported once by the process that tasks are forked from.

A module of its own so that Celery can be told its name (`[celery] extra_celery_config`). This library and
what it stands on, but nothing that a pipeline's author may edit.
"""

import ml_metadata  # noqa: F401

import pipeline_lib.airflow.dags
import pipeline_lib.lineage.queries.staleness
import pipeline_lib.metadata.mlmd
import pipeline_lib.runtime.session  # noqa: F401
