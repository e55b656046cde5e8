"""What the APIs say to data/raw: with as few requests as the manifests need, byte for byte."""
