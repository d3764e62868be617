"""Servers as our children: started, waited for, watched over, looked at, ended."""
