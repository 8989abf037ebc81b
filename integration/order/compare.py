"""Asks botocore and s3-put, for each combination, who they are."""

import argparse
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import botocore.session
import botocore.utils

import combinations
import differences
import stand_ins

# As s3-put -v names the sources, and botocore its methods.
METHODS = [
    (r'the keys of the environment$', ('env',)),
    (r"the keys of profile '", ('shared-credentials-file', 'config-file')),
    (r"role '[^']*' by web identity$", ('assume-role-with-web-identity',)),
    (r"role '[^']*' by ", ('assume-role',)),
    (r'the container endpoint ', ('container-role',)),
    (r"the instance's metadata ", ('iam-role',)),
]


@dataclass
class Result:
    method: object
    key: object
    message: str

    def __str__(self):
        return f'{self.key} by {self.method}' if self.key else self.message


def of_botocore(one):
    """What botocore's own resolver finds, credentials fetched."""
    os.environ.clear()
    os.environ.update({**AROUND, **one.environment()})
    try:
        session = botocore.session.Session(profile=one.flag)
        session.set_config_variable('region', 'eu-west-1')
        session.register_component('data_loader', LOADER)
        found = session.get_credentials()
        if found is None:
            return Result(None, None, 'there are none')
        return Result(found.method, found.get_frozen_credentials().access_key, '')
    except Exception as error:  # Whatever it raises, it has none.
        return Result(None, None, f'{type(error).__name__}: {error}')
    finally:
        os.environ.clear()
        os.environ.update(AROUND)


def of_snapline(one, program, store):
    """With which access key s3-put comes to the store."""
    store.key = None
    words = ['-v', '--raw', '--max-attempts', '1', '--region', 'eu-west-1', '--endpoint-url', store.url]
    if one.flag:
        words += ['--profile', one.flag]
    done = subprocess.run(
        [program, *words, 's3://bucket/key'],
        env={**AROUND, **one.environment()},
        input=b'content',
        capture_output=True,
        timeout=60,
    )
    text = done.stderr.decode()
    if store.key is None:
        return Result(None, None, f'exit {done.returncode}: {text.strip()}')
    using = re.search(r'using (.*)', text)
    methods = [methods for pattern, methods in METHODS if using and re.match(pattern, using.group(1))]
    return Result(methods[0] if methods else using and using.group(1), store.key, '')


def agree(theirs, ours):
    if theirs.key is None or ours.key is None:
        return theirs.key is None and ours.key is None
    return theirs.key == ours.key and theirs.method in (ours.method or ())


def why(one, theirs, ours):
    """The reason for a difference, or nothing."""
    reason = differences.explain(one, theirs, ours)
    if reason or one.values['named'] != 'both':
        return reason
    alone = combinations.Combination({**one.values, 'named': 'variable'}, one.folder, one.urls)
    theirs = of_botocore(alone)
    if agree(theirs, ours) or differences.explain(alone, theirs, ours):
        return differences.OTHER_PROFILE
    return None


def write(one):
    for path, text in one.files().items():
        path = os.path.join(one.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(text)
        os.chmod(path, stat.S_IRWXU)


def main():
    parser = argparse.ArgumentParser(prog='credentials-order')
    parser.add_argument('program')
    parser.add_argument('--random', type=int, default=300)
    parser.add_argument('--seed', type=int, default=14)
    parser.add_argument('--only', default='', help='field=value,… that a combination must have')
    parser.add_argument('-v', action='store_true', help='print every combination')
    options = parser.parse_args()
    wanted = dict(pair.split('=') for pair in options.only.split(',') if pair)
    urls = {
        'sts': stand_ins.listen(stand_ins.sts),
        'container': stand_ins.listen(stand_ins.container),
        'refusing': stand_ins.listen(stand_ins.refuse),
        'instance': stand_ins.metadata('machine'),
        'bare_instance': stand_ins.metadata(''),
        'old_instance': stand_ins.metadata('machine', version_one=True),
    }
    store = stand_ins.Store()
    seen, agreed, sources, explained, unexplained = set(), 0, {}, {}, []
    for one in combinations.plan(options.random, options.seed):
        if str(one) in seen or any(one.values[name] != value for name, value in wanted.items()):
            continue
        seen.add(str(one))
        one.folder, one.urls = tempfile.mkdtemp(), urls
        write(one)
        theirs, ours = of_botocore(one), of_snapline(one, options.program, store)
        if options.v:
            print(f'{one}: botocore {theirs}; s3-put {ours}')
        if agree(theirs, ours):
            agreed += 1
            sources[theirs.method] = sources.get(theirs.method, 0) + 1
        elif reason := why(one, theirs, ours):
            explained.setdefault(reason, []).append((one, theirs, ours))
        else:
            unexplained.append((one, theirs, ours))
        shutil.rmtree(one.folder)
    print(f'{len(seen)} combinations, {agreed} agreements:')
    for method, count in sorted(sources.items(), key=lambda pair: -pair[1]):
        print(f'  {count:4} {method or "no credentials, in both"}')
    print(f'{sum(map(len, explained.values()))} differences that are meant:')
    stale = []
    for reason in differences.REASONS:
        found = explained.get(reason, [])
        print(f'  {len(found):4} {reason}')
        for one, theirs, ours in found[:1]:
            print(f'       for example {one}: botocore {theirs}; s3-put {ours}')
        if not found:
            stale.append(reason)
    print(f'{len(unexplained)} differences without a reason')
    for one, theirs, ours in unexplained:
        print(f'  {one}\n    botocore: {theirs}\n    s3-put:   {ours}')
    if unexplained or not seen:
        return 1
    if stale and not wanted:
        print(f'{len(stale)} reasons in the table explain nothing any more')
        return 1
    return 0


# What both get beside a combination's own variables.
AROUND = {'PATH': os.environ['PATH'], 'LANG': 'C.UTF-8'}
LOADER = botocore.session.Session().get_component('data_loader')
# It asks three times, with a pause in between, whatever the answer.
botocore.utils.ContainerMetadataFetcher.SLEEP_TIME = 0

if __name__ == '__main__':
    sys.exit(main())
