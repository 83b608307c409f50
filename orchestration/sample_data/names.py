"""Names: the invented names of companies, customers' users and account managers.

The words of one table, such as tags or priorities, stand in the module of that table.
"""

import numpy as np

MANAGERS = [
    f"{name}@example.com"
    for name in ("ines", "tomasz", "aiko", "farid", "greta", "noah", "chioma", "soren")
]

NAME_STARTS = (
    "Åkerlund", "Brightfjord", "Cedarline", "Dunmore", "Élan", "Fernhollow", "Größer", "Halcyon",
    "Iðunn", "Juniper", "Kōyō", "Łąka", "Meridian", "Northgate", "Œuvre", "Pärnu", "Quillon",
    "Ríoclaro", "Sãovento", "Tarnbrook", "Überland", "Vermeil", "Wexcombe", "Yıldız", "Zephyrine",
    "北辰", "Арктур", "Ελίκη",
)  # fmt: skip

NAME_ENDS = (
    "Logistics", "Foods", "Systems", "Health", "Textiles", "Energy", "Learning", "Capital",
    "Studios", "Metals", "Retail", "Robotics", "Travel", "Paper", "Instruments", "Holding",
)  # fmt: skip

FIRST_NAMES = (
    "Ana", "Björn", "Chidi", "Dóra", "Emre", "Fatima", "Gaël", "Hana", "Ivo", "Jun", "Kofi",
    "Lena", "Małgorzata", "Nuno", "Olga", "Priya", "Quentin", "Rosa", "Šárka", "Tariq",
)  # fmt: skip

LAST_NAMES = (
    "Abara", "Brandt", "Castillo", "Duarte", "Eriksen", "Fournier", "Gruber", "Haddad", "Ito",
    "Jansen", "Kowalski", "Lindqvist", "Moreau", "Novák", "O'Neill", "Petrov", "Rossi", "Tanaka",
)  # fmt: skip


def company_names(generator: np.random.Generator, count: int) -> list[str]:
    """Distinct invented names; beyond the number of pairs, with a number."""
    pairs = [f"{start} {end}" for start in NAME_STARTS for end in NAME_ENDS]
    order = generator.permutation(len(pairs))
    rounds = [pairs[order[number % len(pairs)]] for number in range(count)]
    return [
        name if number < len(pairs) else f"{name} {number // len(pairs) + 1}"
        for number, name in enumerate(rounds)
    ]
