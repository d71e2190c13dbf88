from configparser import ConfigParser

ini = ConfigParser()
ini.read("settings.ini")
alpha = ini.getfloat("train", "alpha")
for n in range(1, 6):
    print(f"loss={alpha ** n}")
