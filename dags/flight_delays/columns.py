"""Which columns mean what; read by the join, the features and the model."""

KEYS = ("origin", "year", "month", "day", "hour")
FLIGHT = ("carrier", "dest", "distance", "sched_dep_time", "sched_arr_time", "minute")
WEATHER = ("temp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")

LABEL = "delayed"
CATEGORIES = {"origin": 4, "carrier": 24, "dest": 128}
NUMBERS = ("distance", "temp", "humid", "wind_speed", "precip", "pressure", "visib")
HOURS = ("hour", "weekday", "month")
