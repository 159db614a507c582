"""What tests of Packhorse, of its users and of other engines have in common."""
