"""Package list and compiled modules; everything else is in pyproject.toml.

The bare names of `methods/`, `datasets/` and `reports/` would collide with other people's packages,
so they install as `vosbench_methods`, `vosbench_datasets` and `vosbench_reports`.

The compiled modules are optional: without a C compiler the package installs without them, and NumPy
does their work. They use the stable ABI, so one build serves all Python versions.
"""

import os

from setuptools import Extension, find_namespace_packages, find_packages, setup

MAPPED = {
    "vosbench_methods": "methods",
    "vosbench_datasets": "datasets",
    "vosbench_reports": "reports",
}
COMPILED = ("vosbench.metrics._kernel", "vosbench.data.masks._rows")


def mapped_packages(name: str, folder: str) -> list[str]:
    return [name, *(f"{name}.{inner}" for inner in find_namespace_packages(folder))]


def extension(name: str) -> Extension:
    return Extension(
        name,
        [f"{name.replace('.', '/')}.c"],
        py_limited_api=True,
        optional=True,
        extra_compile_args=[] if os.name == "nt" else ["-O3"],
    )


setup(
    packages=[
        *find_packages(include=["vosbench", "vosbench.*"]),
        *(package for item in MAPPED.items() for package in mapped_packages(*item)),
    ],
    package_dir=MAPPED,
    package_data={
        "vosbench": ["py.typed", "**/*.c"],
        "vosbench_methods": ["**/*.toml", "**/*.txt", "**/*.safetensors", "**/*.md"],
        "vosbench_datasets": ["*.toml"],
        "vosbench_reports": ["**/*"],
    },
    ext_modules=[extension(name) for name in COMPILED],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
