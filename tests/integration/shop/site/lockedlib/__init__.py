def packed(value):
    return value + 1000
