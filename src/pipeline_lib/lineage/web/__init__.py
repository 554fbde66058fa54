"""Server-rendered pages over a metadata store; stand-alone (`pipeline ui`) or mounted in Airflow."""
