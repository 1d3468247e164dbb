"""What a merged model is compared on: fixed requests with their answers, written for this purpose.

Base and adapter, and the merged model, read the same texts. Greedy choices are compared at every position, so the texts
have to be long enough together: more than 2,000 tokens for tokenizers of 49,000 to 152,000 tokens, under any template.
"""

from typing import NamedTuple


class Probe(NamedTuple):
    """A request, what is given with it, and an answer."""

    instruction: str
    given: str
    answer: str


PROBES: tuple[Probe, ...] = (
    Probe(
        "Write a Python function that returns the largest of three numbers.",
        "",
        "def largest(a, b, c):\n    if a >= b and a >= c:\n        return a\n    if b >= c:\n        return b\n"
        "    return c\n\n\nprint(largest(3, 9, 4))\n\n"
        "The function compares the first number with the other two. If it is not the largest, only the "
        "second and the third are left, and one more comparison decides between them. The built-in "
        "function max(a, b, c) returns the same value.",
    ),
    Probe(
        "Explain in a few sentences what this code does.",
        "def f(xs):\n    return [x * x for x in xs if x % 2 == 0]\n",
        "The function takes a sequence of integers. It goes through the sequence once, keeps the "
        "numbers that are divisible by two, and squares each of them. The result is a new list in the "
        "original order; the sequence itself is not changed. For [1, 2, 3, 4] it returns [4, 16], and "
        "for an empty sequence it returns an empty list.",
    ),
    Probe(
        "Complete the function.",
        "def is_palindrome(text: str) -> bool:\n",
        "def is_palindrome(text: str) -> bool:\n    letters = [c.lower() for c in text if c.isalnum()]\n"
        "    left, right = 0, len(letters) - 1\n    while left < right:\n"
        "        if letters[left] != letters[right]:\n            return False\n        left += 1\n"
        "        right -= 1\n    return True\n\n\nassert is_palindrome('A man, a plan, a canal: Panama')\n"
        "assert not is_palindrome('palindrome')\n",
    ),
    Probe(
        "Which command lists the files of a folder by time?",
        "",
        "On Linux and macOS, use `ls -lt`. The option `-l` prints one file per line with its size, "
        "owner and time of the last change, and `-t` sorts by that time, the latest first. Add `-r` to "
        "reverse the order, so that the latest file is at the end, and `-a` to include hidden files. "
        "On Windows, `dir /o-d` does the same.",
    ),
    Probe(
        "用一句话说明什么是递归，并给出一个例子。",
        "",
        "递归是指一个函数直接或间接地调用自身，把问题分解成规模更小的同类问题，直到达到可以直接求解的基本情况。\n\n"
        "def factorial(n):\n    if n == 0:\n"
        "        return 1\n    return n * factorial(n - 1)\n\n"
        "例如计算 5 的阶乘时，函数会依次计算 4、3、2、1 和 0 的阶乘，然后把结果相乘，得到 120。",
    ),
    Probe(
        "Translate this function into Java.",
        "def count_vowels(text):\n    return sum(1 for c in text.lower() if c in 'aeiou')\n",
        "public static int countVowels(String text) {\n    int count = 0;\n"
        '    for (char c : text.toLowerCase().toCharArray()) {\n        if ("aeiou".indexOf(c) >= 0) {\n'
        "            count++;\n        }\n    }\n    return count;\n}\n\n"
        "Java has no generator expressions, so the sum becomes a loop with a counter. The method "
        "indexOf returns -1 for a character that is not in the string.",
    ),
    Probe(
        "Find the bug and fix it.",
        "def average(values):\n    total = 0\n    for value in values:\n        total += value\n"
        "        return total / len(values)\n",
        "The return statement is indented too far: it is inside the loop, so the function returns "
        "after the first value. An empty list would also make the function return None instead of "
        "raising an error.\n\ndef average(values):\n    if not values:\n        raise ValueError('no values')\n"
        "    total = 0\n    for value in values:\n        total += value\n    return total / len(values)\n",
    ),
    Probe(
        "Name three sorting algorithms and the order of their running time.",
        "",
        "1. Merge sort divides the list into halves, sorts each of them and merges the results. It "
        "takes O(n log n) time in every case and O(n) extra memory.\n"
        "2. Quicksort partitions the list around a pivot. It takes O(n log n) time on average and "
        "O(n^2) in the worst case.\n"
        "3. Insertion sort takes O(n^2) time, but it is fast for short lists and for lists that are almost sorted.",
    ),
    Probe(
        "Write a SQL query that counts the orders of each customer in 2023.",
        "Table orders(id, customer_id, created_at, total); table customers(id, name)",
        "SELECT c.name, COUNT(o.id) AS order_count\nFROM customers AS c\nLEFT JOIN orders AS o\n"
        "    ON o.customer_id = c.id\n    AND o.created_at >= '2023-01-01'\n    AND o.created_at < '2024-01-01'\n"
        "GROUP BY c.id, c.name\nORDER BY order_count DESC;\n\n"
        "The condition on the date is part of the join, so customers without an order in that year are "
        "listed with a count of 0.",
    ),
    Probe(
        "Implement a stack in C with push and pop.",
        "",
        "#include <stdbool.h>\n#include <stdlib.h>\n\ntypedef struct {\n    int *items;\n"
        "    size_t count, capacity;\n} Stack;\n\nbool push(Stack *s, int value) {\n"
        "    if (s->count == s->capacity) {\n        size_t grown = s->capacity ? 2 * s->capacity : 8;\n"
        "        int *items = realloc(s->items, grown * sizeof *items);\n        if (!items) return false;\n"
        "        s->items = items;\n        s->capacity = grown;\n    }\n    s->items[s->count++] = value;\n"
        "    return true;\n}\n\nbool pop(Stack *s, int *value) {\n    if (s->count == 0) return false;\n"
        "    *value = s->items[--s->count];\n    return true;\n}\n",
    ),
    Probe(
        "Write a unit test for this function.",
        "def clamp(value, low, high):\n    return max(low, min(value, high))\n",
        "import pytest\n\n\n@pytest.mark.parametrize(\n    ('value', 'expected'),\n"
        "    [(5, 5), (-1, 0), (11, 10), (0, 0), (10, 10)],\n)\ndef test_clamp(value, expected):\n"
        "    assert clamp(value, 0, 10) == expected\n\n\ndef test_clamp_of_a_single_point():\n"
        "    assert clamp(3.5, 2, 2) == 2\n",
    ),
    Probe(
        "What is the difference between a process and a thread?",
        "",
        "A process is a running program with its own address space, open files and permissions. A "
        "thread is a sequence of instructions within a process. All threads of a process share its "
        "memory, so they can exchange data quickly, but they need locks to avoid conflicting writes. "
        "Processes are isolated from each other: a crash of one does not affect the others, and they "
        "communicate through pipes, sockets or shared memory.",
    ),
    Probe(
        "Rewrite this loop as a list comprehension.",
        "result = []\nfor row in rows:\n    for cell in row:\n        if cell is not None:\n"
        "            result.append(cell.strip())\n",
        "result = [cell.strip() for row in rows for cell in row if cell is not None]\n\n"
        "The order of the two `for` parts is the same as in the nested loops: first the rows, then the "
        "cells of each row. The condition is at the end.",
    ),
    Probe(
        "Write a regular expression for dates such as 2024-03-09 and explain it.",
        "",
        "^(\\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$\n\n"
        "The first group matches a year of four digits. The second matches a month from 01 to 12, the "
        "third a day from 01 to 31. The anchors ^ and $ make sure that nothing precedes or follows the "
        "date. The expression accepts 2024-02-31, because the length of a month can't be checked this "
        "way; use datetime.date.fromisoformat for that.",
    ),
    Probe(
        "Implement binary search in JavaScript.",
        "",
        "function binarySearch(sorted, target) {\n  let low = 0;\n  let high = sorted.length - 1;\n"
        "  while (low <= high) {\n    const middle = (low + high) >> 1;\n    if (sorted[middle] === target) {\n"
        "      return middle;\n    }\n    if (sorted[middle] < target) {\n      low = middle + 1;\n    } else {\n"
        "      high = middle - 1;\n    }\n  }\n  return -1;\n}\n\n"
        "console.log(binarySearch([1, 3, 5, 7, 11], 7)); // 3\nconsole.log(binarySearch([], 1)); // -1\n",
    ),
    Probe(
        "Read a CSV file and print the sum of the column `price`.",
        "",
        "import csv\nfrom decimal import Decimal, InvalidOperation\n\ntotal = Decimal(0)\n"
        "with open('items.csv', newline='', encoding='utf-8') as handle:\n"
        "    for number, row in enumerate(csv.DictReader(handle), start=2):\n        try:\n"
        "            total += Decimal(row['price'])\n        except (KeyError, InvalidOperation) as error:\n"
        "            raise SystemExit(f'line {number}: {error!r}')\nprint(total)\n",
    ),
)
