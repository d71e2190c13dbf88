import click


@click.command()
@click.option("--lr", default=0.1, show_default=True)
@click.option("--smoothing", default=0.0, help="label smoothing")
@click.option("--epochs", type=int, default=5)
def main(lr, smoothing, epochs):
    p = 0.3
    for epoch in range(epochs):
        p += lr * ((1 - smoothing) - p)
        click.echo(f"epoch {epoch}: loss={(1 - p) ** 2:.12f}")


if __name__ == "__main__":
    main()
