"""A site's pool on a real httpd: its files, its stand-in application, its clients, what came of it."""
