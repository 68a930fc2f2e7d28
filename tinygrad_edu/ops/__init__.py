"""The op tables: one declaration per operation, and nothing else knows its derivative."""
