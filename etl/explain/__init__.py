"""Why a page is what it is, where a model is, and what tells two pages apart."""
