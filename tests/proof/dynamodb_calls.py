"""Random calls of DynamoDB on one small table, valid and invalid, for comparisons of two implementations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

Request = dict[str, Any]
Call = tuple[str, Request]

SHAPE: Final[dict[str, Any]] = {
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "S"},
        {"AttributeName": "day", "AttributeType": "S"},
        {"AttributeName": "rank", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "byDay",
            "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
        {
            "IndexName": "byRank",
            "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}, {"AttributeName": "rank", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
        },
    ],
}
IDS: Final = ("a", "b", "ä")
ATS: Final = ("1", "2", "20", "Z", "é", "￿", "𝒵")
DAYS: Final = ("d", "e")
NAMES: Final = ("n", "s", "l", "m", "t")
NUMBERS: Final = ("0", "1", "-1", "2.50", "1e3", "10", "0.000001", "12345678901234567890")


@dataclass
class CallGenerator:
    """Calls on the table of this name, each drawn from the same random numbers."""

    random: Random
    table: str
    written: int = 0
    ranks: dict[tuple[str, str], str] = field(default_factory=dict)

    def calls(self, number: int) -> Iterator[Call]:
        """This many calls."""
        kinds: list[Callable[[], Call]] = [
            self.put,
            self.put,
            self.update,
            self.update,
            self.update,
            self.delete,
            self.get,
            self.query,
            self.query,
            self.query_index,
            self.batch_get,
            self.batch_write,
            self.transaction,
        ]
        for _ in range(number):
            yield self.random.choice(kinds)()

    # ------------------------------------------------------------- items

    def key(self) -> Request:
        """A key, now and then of a wrong form."""
        key = self.good_key()
        if self.random.random() < 0.03:
            return self.random.choice([{"id": key["id"]}, key | {"at": {"N": "1"}}, key | {"x": {"S": "y"}}, key | {"id": {"S": ""}}])
        return key

    def good_key(self) -> Request:
        """A key of the table."""
        # Two items with the same sort key have no order in an index: the sort key has the id in it.
        name = self.random.choice(IDS)
        return {"id": {"S": name}, "at": {"S": self.random.choice(ATS) + name}}

    def value(self, name: str) -> Request:
        """A value, as a rule of the type that attributes of this name have."""
        name = "s" if name == "id" else name
        if name in {"s", "t"} and self.random.random() < 0.1:
            name = self.random.choice(NAMES)
        choose = self.random.choice
        values: dict[str, Callable[[], Request]] = {
            "n": lambda: {"N": choose(NUMBERS)},
            "s": lambda: {"S": choose(["", "x", "xy", "Zoë", "\ud7ff\ue000"])},
            "l": lambda: {"L": [self.value(choose("ns")) for _ in range(self.random.randrange(4))]},
            "m": lambda: {"M": {each: self.value(choose("ns")) for each in self.random.sample(["n", "s", "x"], self.random.randrange(3))}},
            "t": lambda: choose(
                [{"SS": self.random.sample(["x", "y", "z"], 2)}, {"NS": ["1", "2.0"]}, {"BOOL": True}, {"NULL": True}, {"B": b"x"}]
            ),
        }
        return values[name]()

    def item(self, key: Request | None = None) -> Request:
        """An item, which may be of an index."""
        item = (key or self.key()) | {name: self.value(name) for name in self.random.sample(NAMES, self.random.randrange(4))}
        if self.random.random() < 0.7:
            self.written += 1
            item |= {"day": {"S": self.random.choice(DAYS)}, "rank": {"N": str(self.written * self.random.choice([1, -1]))}}
        if self.random.random() < 0.02:
            item |= self.random.choice([{"day": {"S": ""}}, {"rank": {"S": "x"}}, {"n": {"N": "x"}}, {"t": {"SS": []}}])
        return item

    # ------------------------------------------------------------- expressions

    def condition(self, values: Request, names: tuple[str, ...] = (*NAMES, "id")) -> str:
        """A condition on the attributes of these names, whose values are added to `values`."""
        chance = self.random.random()
        if chance < 0.15:
            return f"NOT ({self.condition(values, names)})"
        if chance < 0.4:
            joined = self.random.choice(["AND", "OR"])
            return f"({self.condition(values, names)}) {joined} {self.condition(values, names)}"
        name = self.random.choice(names)
        if name == "id":
            prefix = self.placeholder(values, {"S": self.random.choice(["", "a", "x"])})
            return f"begins_with(id, {prefix})" if self.random.random() < 0.5 else f"id >= {prefix}"
        paths = [name, name, f"#{name}", *{"m": ["m.n", "m.x"], "l": ["l[0]"]}.get(name, [])]
        path = self.random.choice(paths)
        return self._function_test(name, path, values) if self.random.random() < 0.5 else self._test(name, path, values)

    def _function_test(self, name: str, path: str, values: Request) -> str:
        # The emulator refuses begins_with, and answers size, for values of other types: it is not documented what DynamoDB does.
        chance = self.random.random()
        if chance < 0.4:
            return f"{self.random.choice(['attribute_exists', 'attribute_not_exists'])}({path})"
        if chance < 0.55:
            return f"contains({path}, {self.placeholder(values, self.value(name))})"
        if chance < 0.7:
            return f"contains({path}, {self.placeholder(values, self.value(self.random.choice('ns')))})"
        if chance < 0.85:
            return f"attribute_type({path}, {self.placeholder(values, {'S': self.random.choice(['N', 'S', 'L', 'M', 'SS'])})})"
        kind = self.placeholder(values, {"S": {"m": "M", "l": "L"}.get(name, "S")})
        size = self.placeholder(values, {"N": self.random.choice(["0", "1", "2"])})
        return f"attribute_type({name}, {kind}) AND size({name}) {self.random.choice(['<', '>=', '='])} {size}"

    def _test(self, name: str, path: str, values: Request) -> str:
        chance = self.random.random()
        if chance < 0.2:
            low, high = self.random.choice([("-1", "1"), ("1", "1"), ("2", "1e3")])
            return f"{path} BETWEEN {self.placeholder(values, {'N': low})} AND {self.placeholder(values, {'N': high})}"
        if chance < 0.4:
            return f"{path} IN ({self.placeholder(values, self.value(name))}, {self.placeholder(values, self.value(name))})"
        symbol = self.random.choice(["=", "<>", "<", "<=", ">", ">="])
        value = self.value(name) if symbol in {"=", "<>"} else self.ordered_value(name)
        return f"{path} {symbol} {self.placeholder(values, value)}"

    def ordered_value(self, name: str) -> Request:
        """A value of a type that has an order."""
        return {"N": self.random.choice(NUMBERS)} if name == "n" else {"S": self.random.choice(["", "x", "xy", "Zoë"])}

    def placeholder(self, values: Request, value: Request) -> str:
        """A new placeholder for a value."""
        new = f":v{len(values)}"
        values[new] = value
        return new

    def with_condition(self, request: Request, chance: float = 0.5) -> Request:
        """The request, perhaps with a condition."""
        values = request.pop("ExpressionAttributeValues", {})
        text = request.get("UpdateExpression", "")
        if self.random.random() < chance:
            request["ConditionExpression"] = self.condition(values)
            request["ReturnValuesOnConditionCheckFailure"] = self.random.choice(["ALL_OLD", "NONE"])
        text += request.get("ConditionExpression", "")
        return request | self.placeholders(text, values)

    def placeholders(self, text: str, values: Request) -> Request:
        """The names and values of an expression, now and then with one that is not used, or without one that is."""
        names = {f"#{name}": name for name in (*NAMES, "u") if f"#{name}" in text}
        if self.random.random() < 0.02:
            values = values | {":unused": {"S": "x"}}
        if names and self.random.random() < 0.05:
            names.popitem()
        return ({"ExpressionAttributeNames": names} if names else {}) | ({"ExpressionAttributeValues": values} if values else {})

    # ------------------------------------------------------------- calls

    def put(self) -> Call:
        """PutItem."""
        request = {"TableName": self.table, "Item": self.item(), "ReturnValues": self.random.choice(["NONE", "ALL_OLD"])}
        return "put_item", self.with_condition(request)

    def delete(self) -> Call:
        """DeleteItem."""
        request = {"TableName": self.table, "Key": self.key(), "ReturnValues": self.random.choice(["NONE", "ALL_OLD"])}
        return "delete_item", self.with_condition(request)

    def get(self) -> Call:
        """GetItem."""
        projection = self.random.choice([{}, {}, {"ProjectionExpression": "n, m.n, l[1]"}, {"ProjectionExpression": "m.n, m"}])
        return "get_item", {"TableName": self.table, "Key": self.key(), "ConsistentRead": True, **projection}

    def update(self) -> Call:
        """UpdateItem."""
        changes = self.changes()
        # Of a list, DynamoDB returns the changed elements only, and the emulator the whole list.
        parts = [] if "[" in changes["UpdateExpression"] else ["UPDATED_OLD", "UPDATED_NEW"]
        returned = self.random.choice(["NONE", "ALL_OLD", "ALL_NEW", *parts])
        request = {"TableName": self.table, "Key": self.key(), "ReturnValues": returned, **changes}
        return "update_item", self.with_condition(request)

    def changes(self) -> Request:
        """The update expression of a request, with its values."""
        values: Request = {}
        sections: dict[str, list[str]] = {}
        for name in self.random.sample([*NAMES, "u"], self.random.randrange(1, 4)):
            # What ADD makes of a value of another type is left out: only numbers and sets are added to.
            sections_of = {"n": ["SET", "SET", "ADD", "REMOVE"], "u": ["ADD", "ADD", "DELETE", "REMOVE"]}
            section = self.random.choice(sections_of.get(name, ["SET", "SET", "SET", "REMOVE"]))
            sections.setdefault(section, []).append(self._change(section, name, values))
        text = " ".join(f"{section} {', '.join(changes)}" for section, changes in sections.items())
        return {"UpdateExpression": text, "ExpressionAttributeValues": values}

    def _change(self, section: str, name: str, values: Request) -> str:
        top = self.random.choice([name, f"#{name}"])
        if section == "REMOVE":
            return top
        if name == "u":
            return f"{top} {self.placeholder(values, {'SS': self.random.sample(['x', 'y', 'z'], 2)})}"
        if section == "ADD":
            return f"{top} {self.placeholder(values, {'N': self.random.choice(NUMBERS)})}"
        path = self.random.choice([top, {"m": "m.x", "l": "l[1]"}.get(name, top)])
        operand = self.placeholder(values, self.value(name))
        texts = [f"{path} = {operand}", f"{path} = if_not_exists({path}, {operand})"]
        if name == "n":
            texts += [f"{path} = {path} {sign} {operand}" for sign in "+-"] + [f"{path} = if_not_exists({path}, {operand}) + {operand}"]
        if name == "l":
            texts = [f"{top} = list_append({top}, {operand})", f"{top} = list_append({operand}, if_not_exists({top}, {operand}))", *texts]
        return self.random.choice(texts)

    def query(self) -> Call:
        """Query of the table."""
        values: Request = {":id": {"S": self.random.choice(IDS)}}
        text = "id = :id" + self._range("#at", values, lambda: {"S": self.random.choice(ATS)})
        start = {"id": values[":id"], "at": {"S": self.random.choice(ATS) + values[":id"]["S"]}}
        return "query", self._paged(text, values, {"ConsistentRead": True}, {"#at": "at"}, start)

    def query_index(self) -> Call:
        """Query of an index."""
        values: Request = {":day": {"S": self.random.choice(DAYS)}}
        if self.random.random() < 0.5:
            text = "#day = :day" + self._range("#at", values, lambda: {"S": self.random.choice(ATS)})
            return "query", self._paged(text, values, {"IndexName": "byDay"}, {"#day": "day", "#at": "at"}, None)
        text = "#day = :day" + self._range("#rank", values, lambda: {"N": str(self.random.randrange(-50, 50))})
        return "query", self._paged(text, values, {"IndexName": "byRank"}, {"#day": "day", "#rank": "rank"}, None)

    def _range(self, name: str, values: Request, operand: Callable[[], Request]) -> str:
        match self.random.randrange(5):
            case 0:
                values[":a"] = operand()
                return f" AND {name} {self.random.choice(['=', '<', '<=', '>', '>='])} :a"
            case 1:
                low, high = sorted([operand(), operand()], key=lambda value: (float(value.get("N", 0)), value.get("S", "")))
                values |= {":a": low, ":b": high}
                return f" AND {name} BETWEEN :a AND :b"
            case 2 if name == "#at":
                values[":a"] = operand()
                return f" AND begins_with({name}, :a)"
            case _:
                return ""

    def _paged(self, text: str, values: Request, options: Request, names: dict[str, str], start: Request | None) -> Request:
        request = {"TableName": self.table, "KeyConditionExpression": text, **options}
        if self.random.random() < 0.5:
            request["Limit"] = self.random.randrange(1, 4)
        if self.random.random() < 0.5:
            request["ScanIndexForward"] = self.random.random() < 0.5
        if self.random.random() < 0.3:
            request["Select"] = "COUNT"
        if start and self.random.random() < 0.3:
            request["ExclusiveStartKey"] = start
        if self.random.random() < 0.3:
            # The index by rank has one attribute beside its keys; the other one has none.
            names_of_items = {"byDay": (), "byRank": ("n",)}.get(str(options.get("IndexName")), NAMES)
            if names_of_items:
                request["FilterExpression"] = self.condition(values, names_of_items)
        names = {name: attribute for name, attribute in names.items() if name in text}
        more = self.placeholders(request.get("FilterExpression", ""), values)
        names |= more.pop("ExpressionAttributeNames", {})
        return request | more | ({"ExpressionAttributeNames": names} if names else {})

    def batch_get(self) -> Call:
        """BatchGetItem."""
        keys = [self.key() for _ in range(self.random.randrange(1, 5))]
        return "batch_get_item", {"RequestItems": {self.table: {"Keys": keys, "ConsistentRead": True}}}

    def batch_write(self) -> Call:
        """BatchWriteItem."""
        requests: list[Request] = [
            {"PutRequest": {"Item": self.item()}} if self.random.random() < 0.6 else {"DeleteRequest": {"Key": self.key()}}
            for _ in range(self.random.randrange(1, 4))
        ]
        return "batch_write_item", {"RequestItems": {self.table: requests}}

    def transaction(self) -> Call:
        """TransactWriteItems."""
        return "transact_write_items", {"TransactItems": [self._action() for _ in range(self.random.randrange(1, 4))]}

    def _action(self) -> Request:
        match self.random.randrange(4):
            case 0:
                return {"Put": self.with_condition({"TableName": self.table, "Item": self.item(self.good_key())}, 0.3)}
            case 1:
                return {"Update": self.with_condition({"TableName": self.table, "Key": self.good_key(), **self.changes()}, 0.3)}
            case 2:
                return {"Delete": self.with_condition({"TableName": self.table, "Key": self.good_key()}, 0.3)}
            case _:
                return {"ConditionCheck": self.with_condition({"TableName": self.table, "Key": self.good_key()}, 1)}
