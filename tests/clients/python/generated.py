"""What `annals gen python` prints is read by Python, by mypy, and by those who write Avro with fastavro.

`generated.py FOLDER`: every folder in it has `events.py`, and the same schemas as `asyncapi.json` and `asyncapi.yaml`.
"""

import dataclasses
import datetime
import decimal
import enum
import importlib.util
import io
import json
import pathlib
import re
import subprocess
import sys
import types
import typing
import uuid

import fastavro
import yaml

VARIATIONS = 7
UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2026, 11, 28, 12, 30, 15, 250_000)

# What a logical type is a value of, with the type it stands on.
LOGICAL = {
    "string-uuid": uuid.UUID("6f4b3bb2-6b5c-4a43-9d6c-1c1f3a8a1d11"),
    "int-date": MOMENT.date(),
    "int-time-millis": MOMENT.time(),
    "long-time-micros": MOMENT.time(),
    "long-timestamp-millis": MOMENT.replace(tzinfo=UTC),
    "long-timestamp-micros": MOMENT.replace(tzinfo=UTC),
    "long-local-timestamp-millis": MOMENT,
    "long-local-timestamp-micros": MOMENT,
    "bytes-decimal": decimal.Decimal(0),
    "fixed-decimal": decimal.Decimal(0),
}
PRIMITIVE = {
    "null": None, "boolean": True, "int": -3, "long": 1 << 40, "float": 1.5, "double": -0.25, "bytes": b"\xff\x00", "string": "größe",
}


def load(path: pathlib.Path) -> types.ModuleType:
    name = f"events_of_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def called(field: dataclasses.Field) -> str:
    """The name of a field in its schema."""
    return field.metadata.get("name", field.name)


def classes(module: types.ModuleType) -> dict[str, list[type]]:
    """The classes of a module by the full names that their docs say."""
    found: dict[str, list[type]] = {}
    for one in vars(module).values():
        if isinstance(one, type) and one.__module__ == module.__name__:
            full_name = re.search(r"`([^`]+)`, \S+$", one.__doc__.strip()).group(1)
            found.setdefault(full_name, []).append(one)
    return found


class Builder:
    """Values of a schema as the generated types make them."""

    def __init__(self, module: types.ModuleType, schema: object):
        self.classes, self.named = classes(module), {}
        self.schema = fastavro.parse_schema(schema, named_schemas=self.named)

    def of(self, schema, turn: int, depth: int = 0):
        if isinstance(schema, list):
            return self.of(self.branch(schema, turn, depth), turn, depth)
        if isinstance(schema, str):
            return PRIMITIVE[schema] if schema in PRIMITIVE else self.of(self.named[schema], turn, depth)
        kind = schema["type"]
        logical = f"{kind}-{schema.get('logicalType')}"
        if logical in LOGICAL:
            return LOGICAL[logical]
        if kind == "record":
            fields = {field["name"]: self.of(field["type"], turn, depth + 1) for field in schema["fields"]}
            cls = self.record(schema)
            return cls(**{field.name: fields[called(field)] for field in dataclasses.fields(cls)})
        if kind == "enum":
            cls = self.enum(schema)
            return cls(schema["symbols"][turn % len(schema["symbols"])])
        if kind == "fixed":
            return bytes([turn]) * schema["size"]
        if kind == "array":
            return [self.of(schema["items"], turn + i, depth + 1) for i in range(0 if depth > 6 else turn % 3)]
        if kind == "map":
            return {f"k{i}": self.of(schema["values"], turn + i, depth + 1) for i in range(0 if depth > 6 else turn % 3)}
        return self.of(kind, turn, depth)

    def branch(self, branches: list, turn: int, depth: int):
        if depth > 6:
            # The plainest: what has an end.
            plain = [b for b in branches if isinstance(b, str) and b in PRIMITIVE]
            branches = plain or branches
        return branches[turn % len(branches)]

    def record(self, schema: dict) -> type:
        names = {field["name"] for field in schema["fields"]}
        fits = [cls for cls in self.classes[schema["name"]] if {called(f) for f in dataclasses.fields(cls)} == names]
        assert len(fits) >= 1, schema["name"]
        return fits[0]

    def enum(self, schema: dict) -> type:
        fits = [cls for cls in self.classes[schema["name"]] if [m.value for m in cls] == schema["symbols"]]
        assert len(fits) >= 1, schema["name"]
        return fits[0]


def plain(value):
    """What fastavro writes: as `dataclasses.asdict` has it, fields called as in the schema."""
    if dataclasses.is_dataclass(value):
        return {called(field): plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def fits(value, hint) -> bool:
    """Whether what was read is of the type that the generated file says."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in typing.get_args(hint))
    if origin is list:
        return type(value) is list and all(fits(item, typing.get_args(hint)[0]) for item in value)
    if origin is dict:
        key, item = typing.get_args(hint)
        return type(value) is dict and all(fits(k, key) and fits(v, item) for k, v in value.items())
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        fields = {called(field): hints[field.name] for field in dataclasses.fields(hint)}
        return type(value) is dict and value.keys() == fields.keys() and all(fits(value[n], h) for n, h in fields.items())
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return type(value) is str and value in [member.value for member in hint]
    return value is None if hint is None else type(value) is hint


def avro(module: types.ModuleType, schema: object) -> int:
    builder = Builder(module, schema)
    branches = len(builder.schema) if isinstance(builder.schema, list) else 0
    for turn in range(max(VARIATIONS, branches)):
        value = builder.of(builder.schema, turn)
        out = io.BytesIO()
        fastavro.schemaless_writer(out, builder.schema, plain(value))
        out.seek(0)
        read = fastavro.schemaless_reader(out, builder.schema, None)
        assert read == plain(value), f"written {value}, read {read}"
        if dataclasses.is_dataclass(value):
            # Subjects may define one name differently: then a class of the name is the right one.
            called_alike = next(all for all in builder.classes.values() if type(value) in all)
            assert any(fits(read, cls) for cls in called_alike), f"{read} is no {type(value)}"
            try:
                object.__setattr__(value, "no such field", 1)
                raise SystemExit(f"{type(value)} takes any field")
            except AttributeError:
                pass
    return max(VARIATIONS, branches)


def main(root: pathlib.Path) -> None:
    assert not fits("1", int) and not fits({}, list[int]) and fits(None, int | None)
    folders = sorted(path.parent for path in root.glob("*/events.py"))
    assert folders, "nothing is generated"
    schemas, values, made = 0, 0, 0
    for folder in folders:
        module = load(folder / "events.py")
        document = json.loads((folder / "asyncapi.json").read_text())
        assert yaml.safe_load((folder / "asyncapi.yaml").read_text()) == document, folder
        for cls in (one for all in classes(module).values() for one in all):
            if not dataclasses.is_dataclass(cls):
                continue
            typing.get_type_hints(cls)
            needed = [f for f in dataclasses.fields(cls) if f.default is f.default_factory is dataclasses.MISSING]
            assert cls(**{f.name: None for f in needed}) == cls(**{f.name: None for f in needed})
            made += 1
        for message in document["components"]["messages"].values():
            if message["payload"]["schemaFormat"].startswith("application/vnd.apache.avro"):
                schemas, values = schemas + 1, values + avro(module, message["payload"]["schema"])
    # Files of one name are no one program to mypy.
    copies = [root / f"events_of_{folder.name}.py" for folder in folders]
    for folder, copy in zip(folders, copies):
        copy.write_text((folder / "events.py").read_text())
    strict = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.10", "--cache-dir", str(root / "mypy"), *map(str, copies)]
    checked = subprocess.run(strict, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    print(f"{made} classes made, {values} values of {schemas} Avro schemas written and read by fastavro, mypy: {checked.stdout.strip()}")


main(pathlib.Path(sys.argv[1]))
