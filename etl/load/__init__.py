"""Models to manifests: select, cut, number, publish all or nothing."""
