"""A shop as small as an application can be: a page, its data as JSON, and a page that takes its time."""
