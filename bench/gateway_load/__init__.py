"""A model server and callers that cost as little as possible, so that what lies between them is what is measured."""
