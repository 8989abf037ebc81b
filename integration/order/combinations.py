"""What the environment, the shared files and the endpoints may be like, and which of that is tried together."""

import itertools
import random
from dataclasses import dataclass, field

ROLE = 'role_arn = arn:aws:iam::1:role/'
KEYS = 'aws_access_key_id = {0}\naws_secret_access_key = s\n'

# Each field of a combination, and its values: variables, or the text of a profile. The first value is "nothing".
ENVIRONMENT = {
    'none': {},
    'keys': {'AWS_ACCESS_KEY_ID': 'AKENV', 'AWS_SECRET_ACCESS_KEY': 's'},
    'session': {'AWS_ACCESS_KEY_ID': 'AKENV', 'AWS_SECRET_ACCESS_KEY': 's', 'AWS_SESSION_TOKEN': 't'},
    'id': {'AWS_ACCESS_KEY_ID': 'AKENV'},
    'secret': {'AWS_SECRET_ACCESS_KEY': 's'},
    'empty': {'AWS_ACCESS_KEY_ID': '', 'AWS_SECRET_ACCESS_KEY': ''},
}
IDENTITY = {
    'none': {},
    'whole': {'AWS_WEB_IDENTITY_TOKEN_FILE': '{folder}/token', 'AWS_ROLE_ARN': 'arn:aws:iam::1:role/pod'},
    'file': {'AWS_WEB_IDENTITY_TOKEN_FILE': '{folder}/token'},
    'role': {'AWS_ROLE_ARN': 'arn:aws:iam::1:role/pod'},
    'missing': {'AWS_WEB_IDENTITY_TOKEN_FILE': '{folder}/no-token', 'AWS_ROLE_ARN': 'arn:aws:iam::1:role/pod'},
    'empty': {'AWS_WEB_IDENTITY_TOKEN_FILE': '', 'AWS_ROLE_ARN': ''},
    'empty-role': {'AWS_ROLE_ARN': ''},
}
# The profile that is meant, in the file `config`.
PROFILE = {
    'none': None,
    'region': 'region = eu-west-1\n',
    'keys': KEYS.format('AKPROFILE'),
    'id': 'aws_access_key_id = AKPROFILE\n',
    'role': ROLE + 'a\nsource_profile = base\n',
    'role-of-role': ROLE + 'a\nsource_profile = middle\n',
    'role-of-identity': ROLE + 'a\nsource_profile = pod\n',
    'role-of-itself': ROLE + 'a\nsource_profile = {profile}\n' + KEYS.format('AKSELF'),
    'role-of-environment': ROLE + 'a\ncredential_source = Environment\n',
    'role-of-container': ROLE + 'a\ncredential_source = EcsContainer\n',
    'role-of-instance': ROLE + 'a\ncredential_source = Ec2InstanceMetadata\n',
    'role-of-nobody': ROLE + 'a\n',
    'role-of-nothing': ROLE + 'a\nsource_profile = nowhere\n',
    'role-of-two': ROLE + 'a\nsource_profile = base\ncredential_source = Environment\n',
    'identity': ROLE + 'p\nweb_identity_token_file = {folder}/other-token\n',
    'identity-file': 'web_identity_token_file = {folder}/other-token\n',
    'process': 'credential_process = {folder}/process\n',
    'process-and-keys': 'credential_process = {folder}/process\n' + KEYS.format('AKPROFILE'),
    'indented': '  aws_access_key_id: AKPROFILE\n\taws_secret_access_key : s\n',
}
# The same profile in the file `credentials`.
CREDENTIALS = {
    'none': None,
    'keys': KEYS.format('AKFILE'),
    'session': KEYS.format('AKFILE') + 'aws_session_token = t\n',
    'id': 'aws_access_key_id = AKFILE\n',
    'secret': 'aws_secret_access_key = s\n',
}
# How the profile is named, if it is not the default.
NAMED = {
    'default': {},
    'variable': {'AWS_PROFILE': 'work'},
    'old-variable': {'AWS_DEFAULT_PROFILE': 'work'},
    'both': {'AWS_PROFILE': 'work', 'AWS_DEFAULT_PROFILE': 'base'},
    'flag': {},
    'flag-over-variable': {'AWS_PROFILE': 'base'},
    'empty': {'AWS_PROFILE': ''},
}
CONTAINER = {
    'none': {},
    'full': {'AWS_CONTAINER_CREDENTIALS_FULL_URI': '{container}/c'},
    'token': {'AWS_CONTAINER_CREDENTIALS_FULL_URI': '{container}/c', 'AWS_CONTAINER_AUTHORIZATION_TOKEN': 'pod'},
    'token-file': {
        'AWS_CONTAINER_CREDENTIALS_FULL_URI': '{container}/c',
        'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE': '{folder}/pod',
        'AWS_CONTAINER_AUTHORIZATION_TOKEN': 'other',
    },
    'refused': {'AWS_CONTAINER_CREDENTIALS_FULL_URI': '{refusing}/c'},
    'far': {'AWS_CONTAINER_CREDENTIALS_FULL_URI': 'http://192.0.2.1/c'},
}
INSTANCE = {
    'disabled': {'AWS_EC2_METADATA_DISABLED': 'true'},
    'role': {'AWS_EC2_METADATA_SERVICE_ENDPOINT': '{instance}'},
    'no-role': {'AWS_EC2_METADATA_SERVICE_ENDPOINT': '{bare_instance}'},
    'version-one': {'AWS_EC2_METADATA_SERVICE_ENDPOINT': '{old_instance}'},
    'profile': {},
}
STS = {
    'variable': {'AWS_ENDPOINT_URL_STS': '{sts}'},
    'general': {'AWS_ENDPOINT_URL': '{sts}'},
    'special': {'AWS_ENDPOINT_URL_STS': '{sts}', 'AWS_ENDPOINT_URL': '{refusing}', 'AWS_USE_FIPS_ENDPOINT': 'true'},
    'profile': {},
    'services': {},
    'no-services': {},
}
OLD = {
    'none': {},
    'ec2': {'AWS_CREDENTIAL_FILE': '{folder}/ec2'},
    'boto': {'BOTO_CONFIG': '{folder}/boto'},
    'google': {'BOTO_CONFIG': '{folder}/google'},
}
FIELDS = {
    'environment': ENVIRONMENT,
    'identity': IDENTITY,
    'profile': PROFILE,
    'credentials': CREDENTIALS,
    'named': NAMED,
    'container': CONTAINER,
    'instance': INSTANCE,
    'sts': STS,
    'old': OLD,
}
FLAGGED = ('flag', 'flag-over-variable')

# Beside the product of the first values, these are tried with each other in full.
INTERESTING = {
    'environment': ['none', 'keys'],
    'identity': ['none', 'whole'],
    'profile': ['region', 'keys', 'role', 'role-of-container', 'identity'],
    'credentials': ['none', 'keys'],
    'named': ['default', 'variable', 'flag'],
    'container': ['none', 'full'],
    'instance': ['disabled', 'role'],
}


@dataclass
class Combination:
    """One value of each field, and what that means for files and environment in `folder`."""

    values: dict
    folder: str = ''
    urls: dict = field(default_factory=dict)

    def __str__(self):
        return ' '.join(f'{name}={value}' for name, value in self.values.items() if value != next(iter(FIELDS[name])))

    @property
    def flag(self):
        return 'work' if self.values['named'] in FLAGGED else None

    @property
    def meant(self):
        """The profile that the fields `profile` and `credentials` are about."""
        return 'default' if self.values['named'] in ('default', 'empty') else 'work'

    def environment(self):
        found = {'HOME': self.folder}
        for name in ('environment', 'identity', 'named', 'container', 'instance', 'sts', 'old'):
            found.update(FIELDS[name][self.values[name]])
        return {name: value.format(folder=self.folder, **self.urls) for name, value in found.items()}

    def files(self):
        """Path below `folder`, and text."""
        base = '[profile base]\n' + KEYS.format('AKBASE')
        middle = f'[profile middle]\n{ROLE}m\nsource_profile = base\n'
        pod = f'[profile pod]\n{ROLE}i\nweb_identity_token_file = {{folder}}/other-token\n'
        services = '[services mine]\nsts =\n  endpoint_url = {sts}\n'
        header = '[default]\n' if self.meant == 'default' else f'[profile {self.meant}]\n'
        own = PROFILE[self.values['profile']]
        extra = ''
        if self.values['sts'] == 'profile':
            extra += 'endpoint_url = {sts}\n'
        if self.values['sts'] == 'services':
            extra += 'services = mine\n'
        if self.values['sts'] == 'no-services':
            extra += 'services = nowhere\n'
        if self.values['instance'] == 'profile':
            extra += 'ec2_metadata_service_endpoint = {instance}\n'
        config = base + middle + pod + services
        if own is not None or extra:
            # Its own settings come first: indented ones behind another would continue that one's value.
            config += header + (own or '') + extra
        files = {
            '.aws/config': config.format(folder=self.folder, profile=self.meant, **self.urls),
            'token': 'web-token',
            'other-token': 'other-web-token',
            'pod': 'pod',
            'ec2': 'AWSAccessKeyId=AKEC2\nAWSSecretKey=s\n',
            'boto': '[Credentials]\naws_access_key_id = AKBOTO\naws_secret_access_key = s\n',
            'google': '[Credentials]\ngs_oauth2_refresh_token = s\n',
            'process': '#!/bin/sh\necho \'{"Version": 1, "AccessKeyId": "AKPROCESS", "SecretAccessKey": "s"}\'\n',
        }
        credentials = CREDENTIALS[self.values['credentials']]
        if credentials is not None:
            files['.aws/credentials'] = f'[{self.meant}]\n{credentials}'
        return files


def plan(count, seed):
    """The product of what is interesting, each value of each field by itself beside three others, and `count` at random."""
    first = {name: next(iter(values)) for name, values in FIELDS.items()}
    names = list(INTERESTING)
    for values in itertools.product(*INTERESTING.values()):
        yield Combination({**first, **dict(zip(names, values))})
    for beside in ({}, {'container': 'full'}, {'environment': 'keys'}, {'profile': 'role', 'identity': 'whole'}):
        for name, values in FIELDS.items():
            for value in values:
                yield Combination({**first, **beside, name: value})
    dice = random.Random(seed)
    for _ in range(count):
        yield Combination({name: dice.choice(list(values)) for name, values in FIELDS.items()})
