"""Give an account a staff role."""

from chassis.problems import Problem
from django.core.management.base import BaseCommand, CommandError
from outbox.transactions import retry_conflicts

from identity.models import User
from identity.use_cases.accounts import set_roles


class Command(BaseCommand):
    help = "Give an account a staff role (support, catalog, fulfilment, finance, admin); --revoke takes it away."

    def add_arguments(self, parser) -> None:
        parser.add_argument("email")
        parser.add_argument("role")
        parser.add_argument("--revoke", action="store_true")

    def handle(self, *args, **options) -> None:
        user = User.objects.shoppers().filter(email=options["email"].casefold()).first()
        if user is None:
            raise CommandError(f"There is no account {options['email']}.")
        user_id = user.id
        roles = set(user.roles) - {options["role"]} if options["revoke"] else {*user.roles, options["role"]}
        try:
            user = retry_conflicts(lambda: set_roles(user_id=user_id, roles=sorted(roles)))
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        self.stdout.write(f"{user.email}: {', '.join(user.roles) or 'no roles'}")
