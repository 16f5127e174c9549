"""The table tools: each a class of settings that turns a table into a `ToolResult`.

One list serves all: the tools are the contributed parts of the group ``tools``.  The command line
makes a command of each, the Table tools dock a form, the manual a table, and a watcher or a script
takes them by name:

>>> from limelight.core import parts
>>> from limelight.core.job import run
>>> tool = parts.make("tools", "link", max_distance=0.4)
>>> tool.name, tool.suffix, tool.settings_record()["dark_frames"]
('link', '_link', 3)

``run(tool.run(locs))`` (a Job: it can be watched and cancelled) gives the `ToolResult`: its
``values`` are numbers by name, its ``locs`` the new table (None for a tool that only measures).
`limelight.io.apply_tool` does the same with files.  Quality is the tool ``quality``; its result's
``found`` is the `Quality`.
"""
