"""Numbers as options have them."""

import argparse


def share(text: str) -> float:
    """A number from 0 to 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return number


def whole_number(text: str) -> int:
    """A whole number of at least 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def whole_numbers(text: str) -> tuple[int, ...]:
    """Whole numbers, separated by commas.

    Raises:
        argparse.ArgumentTypeError: They are none.
    """
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of whole numbers such as 0,100,200"
        ) from error


def two_iterations(text: str) -> tuple[int, int]:
    """Two different whole numbers, the earlier one first.

    Raises:
        argparse.ArgumentTypeError: They are none.
    """
    numbers = sorted(set(whole_numbers(text)))
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not two iterations such as 0,120")
    return numbers[0], numbers[1]
