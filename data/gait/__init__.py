"""Gait data: files of joint coordinates and features, read, checked, made, and used as the input of a model.

`schema` names the columns, `read` reads a file, `faults` finds what is known to be wrong in such files,
`generate` makes files of the same schema, `drive` turns a column into the input of an experiment.
"""
