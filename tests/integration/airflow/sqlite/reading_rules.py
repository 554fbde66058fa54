"""Auth manager of the tests' Airflow: SimpleAuthManager, but some users may read some DAGs only."""

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

USERS = {"admin": "admin", "vera": "viewer", "audrey": "viewer", "nadia": "viewer"}
READABLE = {"audrey": {"audited"}, "nadia": set()}


class PerDagAuthManager(SimpleAuthManager):
    """SimpleAuthManager's roles, and for the users above also which DAGs."""

    def is_authorized_dag(
        self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None
    ) -> bool:
        readable = READABLE.get(user.get_name())
        if readable is not None and (details is None or details.id not in readable):
            return False
        return super().is_authorized_dag(
            method=method, user=user, access_entity=access_entity, details=details
        )
