"""A Django project whose tasks run on Packhorse; its tests run wherever one of the two task APIs is there."""
