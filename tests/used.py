#!/usr/bin/env python3
"""Each dependency is used by the code that it is declared for: python3 tests/used.py

A name under [dependencies] must stand in what is shipped of its package: a use in tests alone makes it a dev-dependency. A name under
[dev-dependencies] must stand somewhere. Looks for `name::`, `use name` and `name!` in the sources, without building anything.
"""

import json
import pathlib
import re
import subprocess
import sys


def packages():
    """Of each member: name, dependencies, its shipped sources, all its sources."""
    told = json.loads(subprocess.check_output(['cargo', 'metadata', '--locked', '--no-deps', '--format-version', '1']))
    homes = [pathlib.Path(package['manifest_path']).parent for package in told['packages']]
    for package, home in zip(told['packages'], homes):
        others = [other for other in homes if other != home and home in other.parents]
        shipped, every = [], []
        for target in package['targets']:
            root = pathlib.Path(target['src_path'])
            ships = 'test' not in target['kind'] and 'example' not in target['kind']
            files = root.parent.rglob('*.rs') if root.name in ('lib.rs', 'main.rs') else [root]
            for file in files:
                if any(other in file.parents for other in others) or 'target' in file.relative_to(home).parts:
                    continue
                text = file.read_text()
                every.append(text)
                if ships and not re.search(r'tests?(/|\.rs$)', str(file.relative_to(home))):
                    shipped.append(text.split('#[cfg(test)]\nmod ')[0])
        yield package['name'], package['dependencies'], '\n'.join(shipped), '\n'.join(every)


def is_used(dependency, code):
    name = re.escape((dependency['rename'] or dependency['name']).replace('-', '_'))
    code = re.sub(r'^\s*//.*$', '', code, flags=re.M)
    return re.search(r'(?<!\w)%s(::|!|\s*;|\s+as\s)' % name, code) is not None


def unused(found, kinds=(None, 'build')):
    for package, dependencies, shipped, every in found:
        for dependency in dependencies:
            if not is_used(dependency, shipped if dependency['kind'] in kinds else every):
                yield '%s: %s is not used%s' % (package, dependency['name'], '' if dependency['kind'] == 'dev' else ' by what is shipped')


found = list(packages())
wrong = list(unused(found))
print('\n'.join(wrong) or 'every dependency is used')
# A canary: what only tests use would be found if it were declared for the product, and so would a name that nobody uses.
made_up = {'name': 'no-such-crate', 'rename': None, 'kind': None}
seen = set(unused([(p, [*d, made_up], s, e) for p, d, s, e in found], kinds=(None, 'build', 'dev')))
for canary in ('mingzhang: proptest', 'mingzhang-core: jiff', 'mingzhang: no-such-crate'):
    if not any(line.startswith(canary + ' ') for line in seen):
        wrong.append(canary)
        print('the canary is not seen: ' + canary)
sys.exit(1 if wrong else 0)
