"""Arrow-first sources and sinks for Beam, and the pipeline that a profile's runner executes.

Import the modules by name (`pipeline_lib.beam.sources`): they load pyarrow, and some of them Beam.
"""
