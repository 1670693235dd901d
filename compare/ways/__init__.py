"""The ways: a module for each package, imported only in a process that has it."""
