"""Where s3-put means to differ from botocore: who, why, and how that is recognized.

A row of ROWS is the reason, and what must hold of a combination, of what botocore does and of what s3-put does. Results have `method` and
`key`, both None where there are no credentials, and `message`, what was said then.
"""


def refused(ours, *words):
    return ours.key is None and all(word in ours.message for word in words)


ROWS = [
    (
        'a variable that says who we are and is empty is an error, never a reason to be somebody else',
        lambda one, theirs, ours: refused(ours, 'is set but empty'),
    ),
    (
        'credential_process is not supported, and refused by name where it would be used',
        lambda one, theirs, ours: refused(ours, 'credential_process, which is not supported')
        and theirs.key == 'AKPROCESS',
    ),
    (
        'files of older tools are not supported, and refused by name where they would be used',
        lambda one, theirs, ours: refused(ours, 'which is not supported') and theirs.key in ('AKEC2', 'AKBOTO'),
    ),
    (
        "an instance's metadata is asked by version 2 alone",
        lambda one, theirs, ours: one.values['instance'] == 'version-one'
        and refused(ours, 'version 1 only')
        and theirs.method in ('iam-role', 'assume-role'),
    ),
    (
        'a secret key without its id is half a configuration, and an error',
        lambda one, theirs, ours: one.values['environment'] == 'secret'
        and refused(ours, 'find credentials: AWS_ACCESS_KEY_ID is not set'),
    ),
]
# The one that is asked about again: with AWS_PROFILE alone, both must agree, or differ for one of the reasons above.
OTHER_PROFILE = 'AWS_PROFILE comes before AWS_DEFAULT_PROFILE, as in version 2 of aws; botocore has it the other way round'
REASONS = [*(reason for reason, _ in ROWS), OTHER_PROFILE]


def explain(one, theirs, ours):
    """The reason for a difference, if a row has one."""
    return next((reason for reason, holds in ROWS if holds(one, theirs, ours)), None)
