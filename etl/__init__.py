"""An ETL pipeline from model APIs to static JSON manifests."""
