"""Every public function that takes or returns a tensor says its shape in brackets: `[batch, length, hidden]`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "hxbench"


def is_tensor(annotation: ast.expr | None) -> bool:
    """Say whether an annotation has a tensor in it, but for those of a mapping or of a function that is given."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    if isinstance(annotation, ast.Subscript):
        return ast.unparse(annotation.value) not in ("dict", "Mapping", "Callable") and is_tensor(annotation.slice)
    if isinstance(annotation, ast.Tuple | ast.List):
        return any(map(is_tensor, annotation.elts))
    if isinstance(annotation, ast.BinOp):
        return is_tensor(annotation.left) or is_tensor(annotation.right)
    return annotation is not None and ast.unparse(annotation) in ("Tensor", "torch.Tensor")


def of_tensors(node: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """Yield the public functions and methods in a module that have a tensor in their annotations."""
    for one in node.body:
        if isinstance(one, ast.ClassDef) and not one.name.startswith("_"):
            yield from of_tensors(one)
        elif isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
            given = [*one.args.posonlyargs, *one.args.args, *one.args.kwonlyargs]
            if any(map(is_tensor, [*(argument.annotation for argument in given), one.returns])):
                yield one


def test_functions_of_tensors_say_their_shapes():
    found = [
        (path, one) for path in PACKAGE.rglob("*.py") for one in of_tensors(ast.parse(path.read_text("utf-8")))
    ]
    silent = [
        f"{path}:{one.lineno} {one.name}"
        for path, one in found
        if not re.search(r"\[[^\]]*\]", ast.get_docstring(one) or "")
    ]
    assert len(found) > 100, "the functions are found"
    assert silent == []
