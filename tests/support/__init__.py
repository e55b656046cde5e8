"""What tests are built with: fake APIs, builders and goldens."""
