"""Adapters: how a statement of ours is run on a connection that the caller brings, one module for each driver.

`recognise.adapt` finds the right one by the name of the module that the object's class comes from, so that no
foreign library is imported unless the application uses it.
"""
