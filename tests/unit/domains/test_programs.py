import ast
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains.programs import program
from tests.thorough import examples

ADD = "def add(a, b):\n    return a + b"


@pytest.mark.parametrize(
    ("response", "code"),
    [
        ("```\ndef add(a, b):\n    return a + b\n```", ADD),
        ("~~~\ndef add(a, b):\n    return a + b\n~~~", ADD),
        ("````python\ndef add(a, b):\n    return a + b\n````", ADD),
        ("```Python\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```python3\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```py\ndef add(a, b):\n    return a + b\n```", ADD),
        ("``` python\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```python \ndef add(a, b):\n    return a + b\n``` ", ADD),
        ("  ```python\n  def add(a, b):\n      return a + b\n  ```", ADD),
        ("1. Code:\n   ```python\n   def add(a, b):\n       return a + b\n   ```", ADD),
        ('```python title="a.py"\ndef add(a, b):\n    return a + b\n```', ADD),
        ("```{.python}\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```python:src/a.py\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```python\ndef add(a, b):\n    return a + b", ADD),
        ("```python\ndef add(a, b):\n    return a + b\n```\n```text\n3\n```", ADD),
        ("```bash\npip install x\n```\n```python\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```python\ndef add(a, b):\n    return a + b\n```\n```bash\npython a.py\n```", ADD),
        ("```python\ndef add(a, b):\n    return a + b\n```\nUsage:\n```python\nprint(add(1, 2))\n```", ADD),
        ("```python\ndef add(a, b):\n    return a + b\n```\nUsage:\n```\n>>> add(1, 2)\n3\n```", ADD),
        ("```python\ndef add(a, b):\n    return a + b\n```\n```python\n>>> add(1, 2)\n3\n```", ADD),
        (
            "```python\ndef add(a, b):\n    return a - b\n```\nNo:\n```python\ndef add(a, b):\n    return a + b\n```",
            ADD,
        ),
        ("\n\ndef add(a, b):\n    return a + b\n", ADD),
        ("print(1)", "print(1)"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("```python\nx = 1\n```\n```python\nprint(2)\n```", "print(2)"),
        ("I cannot.", None),
        ("```text\nhello world\n```", None),
        (
            '```python\ndef f():\n    """Doc.\n\n    ```\n    f()\n    ```\n    """\n    return 1\n```',
            'def f():\n    """Doc.\n\n    ```\n    f()\n    ```\n    """\n    return 1',
        ),
        (
            '```python\ndef f():\n    """Doc.\n\n    ```python\n    f()\n    ```\n    """\n    return 1\n```\nDone.',
            'def f():\n    """Doc.\n\n    ```python\n    f()\n    ```\n    """\n    return 1',
        ),
        ("```python\ndef add(a, b):\n    return a + b\n```\n\nQuestion: next\n```python\ndef g(): pass\n```", ADD),
        ("<answer>\n```python\ndef add(a, b):\n    return a + b\n```\n</answer>", ADD),
        ("```python\nclass A:\n    pass\n```", "class A:\n    pass"),
        (
            "```python\ndef add(a, b):\n    return a + b\n```\nTests:\n```python\ndef test_add():\n    assert add(1, 2) == 3\n```",
            ADD,
        ),
        ("```cpp\nint f();\n```\n```python\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```python\ndef add(a, b):\n    return a + b\n```\n```cpp\nint f() { return 1; }\n```", ADD),
        ("Here: ```python\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```python\ndef add(a, b):\n    return a + b```", ADD),
        ("```python\r\ndef add(a, b):\r\n    return a + b\r\n```\r\n", ADD),
        ("```code\ndef add(a, b):\n    return a + b\n```", ADD),
        ('```python\ndef add(a, b):\n    return a + b\n```\n```json\n{"a": 1}\n```', ADD),
        (
            "```python\ndef add(a, b):\n    return a + b\n\n# ``` in a comment\nx = '```'\n```",
            "def add(a, b):\n    return a + b\n\n# ``` in a comment\nx = '```'",
        ),
        ("```python filename=a.py\ndef add(a, b):\n    return a + b\n```", ADD),
        ("```add.py\ndef add(a, b):\n    return a + b\n```", ADD),
        ("`````python\ndef add(a, b):\n    return a + b\n`````", ADD),
        ("> ```python\n> def add(a, b):\n>     return a + b\n> ```", ADD),
        (
            "```python\ndef strip(t):\n    return t.split('</think>')[-1]\n```",
            "def strip(t):\n    return t.split('</think>')[-1]",
        ),
        (
            "```python\nfrom typing import List\n\ndef add(a, b):\n    return a + b\n```",
            "from typing import List\n\ndef add(a, b):\n    return a + b",
        ),
        ("```python\ndef add(a, b):\n    return a + b\n```\nExplanation: ```add``` adds.", ADD),
        ("42", None),
        ("yes", None),
    ],
)
def test_the_program_is_the_last_python_block_that_defines_something(response: str, code: str | None) -> None:
    found = program(response)
    assert (found is None) == (code is None)
    if found is not None and code is not None:
        assert ast.dump(ast.parse(found)) == ast.dump(ast.parse(code))


def test_blank_lines_of_texts_in_a_program_keep_their_blanks() -> None:
    code = 'TEXT = """a\n    \nb"""\n\n\ndef f():\n    return TEXT'
    assert program(f"```python\n{code}\n```") == code


fences = st.lists(
    st.sampled_from(
        [
            "```",
            "```python\n",
            "~~~\n",
            "\n",
            "def f():\n",
            "    return 1\n",
            '"""',
            "x = 1\n",
            "> ",
            "Q: a\n",
            "`",
            "\r\n",
        ]
    ),
    max_size=30,
).map("".join)


@given(st.one_of(st.text(max_size=200), fences))
@examples(200)
def test_no_text_breaks_it(response: str) -> None:
    found = program(response)
    assert found is None or found.strip()


@pytest.mark.parametrize(
    "piece", ["```\n", "```python\n", "def a(", "(", "\n", '"""\n', "x = '''\n", "```python\nx = 1\n", "-", "Q: x\n"]
)
def test_time_is_linear_in_the_length(piece: str) -> None:
    start = time.perf_counter()
    program(piece * (300_000 // len(piece)))
    assert time.perf_counter() - start < 5
