"""Package list: the folders methods/, datasets/ and reports/ install under prefixed names.

The bare names would collide with other people's packages, so `methods/` becomes `vosbench_methods`,
and likewise `vosbench_datasets` and `vosbench_reports`. Everything else is in pyproject.toml.
"""

from setuptools import find_namespace_packages, find_packages, setup

MAPPED = {
    "vosbench_methods": "methods",
    "vosbench_datasets": "datasets",
    "vosbench_reports": "reports",
}


def mapped_packages(name: str, folder: str) -> list[str]:
    return [name, *(f"{name}.{inner}" for inner in find_namespace_packages(folder))]


setup(
    packages=[
        *find_packages(include=["vosbench", "vosbench.*"]),
        *(package for item in MAPPED.items() for package in mapped_packages(*item)),
    ],
    package_dir=MAPPED,
    package_data={
        "vosbench": ["py.typed"],
        "vosbench_methods": ["**/*.toml", "**/*.safetensors", "**/*.md"],
        "vosbench_datasets": ["*.toml"],
        "vosbench_reports": ["**/*"],
    },
)
