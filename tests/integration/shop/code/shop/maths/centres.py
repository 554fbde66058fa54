"""Two ways to find a centre."""


def mean(numbers):
    return sum(numbers) / len(numbers)


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]
